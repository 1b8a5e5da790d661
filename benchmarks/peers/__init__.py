"""What a court could run instead of ours: a table. What is not installed is a line, no failure."""

from typing import Final

from benchmarks.peers import jdeskew, leptonica, libtiff, opencv, pillow, programs
from benchmarks.peers.peer import NotInstalledError, Peer, PeerFailedError

__all__ = ["PEERS", "NotInstalledError", "Peer", "PeerFailedError"]

PEERS: Final = {
    peer.name: peer
    for peer in (
        Peer("opencv", opencv.find, opencv.versions),
        Peer("leptonica", leptonica.find, leptonica.versions),
        Peer("jdeskew", jdeskew.find, jdeskew.versions),
        Peer("libtiff", libtiff.find, libtiff.versions),
        Peer("pillow", pillow.find, pillow.versions),
        Peer("imagemagick", programs.find_imagemagick, programs.versions),
        Peer("unpaper", programs.find_unpaper, programs.versions),
        Peer("ocrmypdf", programs.find_ocrmypdf, programs.versions),
    )
}
