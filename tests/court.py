"""A filing hall with a real ledger and server, and a court that pulls dossiers from it."""

import grpc

from daemon.config import validate
from daemon.dossier import case_number, catalogue
from daemon.page import PAPER_SIDES, Blob, Fate, Page, Position, Role
from daemon.rpc.pages_pb2_grpc import DossierServiceStub
from daemon.spool.ledger import Ledger
from daemon.stream.appliance import Controls, StatusFacts
from daemon.stream.codec import Origin, encode
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller
from daemon.stream.manifests import Manifests
from daemon.stream.server import StreamServer

RULES = catalogue.load()
CASE = case_number.parse("(2018)吉01民初129号")
OTHER_CASE = case_number.parse("(2018)吉01民终7号")


def face(fate, data=None, material="", *, case=CASE, page=0, **rest):
    """Return a maker of one face: give it a page id."""
    position = Position()
    if case is not None:
        position = Position(case_number=case.text, case_key=case.key)
    if material:
        position = Position(
            case_number=case.text,
            case_key=case.key,
            stage="LA",
            volume=RULES.material(material).volume,
            material=material,
            party="Y01",
            instance=1,
            page=page,
            declared_pages=rest.pop("declared", 0),
        )
    blobs = () if data is None else (Blob(Role.PAGE, "image/jpeg", data),)
    if fate is Fate.BLANK:
        blobs += (Blob(Role.EVIDENCE, "image/jpeg", b"evidence of " + data),)

    def make(page_id):
        return Page(
            page_id=page_id,
            fate=fate,
            virtual=True,
            captured_at=1_770_000_000.5,
            position=position,
            blobs=blobs,
            **rest,
        )

    return make


def kept(data, material="111", page=1, **rest):
    return face(Fate.PAGE, data, material, page=page, **rest)


def separators(sheet_id, material="", **rest):
    one = face(Fate.SEPARATOR, b"a separator", material, separator=sheet_id, **rest)
    return [one, one]


def stack():
    """One batch: pages of no case, two cases, both volumes, blanks, what is not archived, a jam."""
    return [
        kept(b"before any case", "", case=None),
        kept(b"also before", "", case=None),
        *separators("AAAAAAAA"),
        *separators("BBBBBBBB", "131", declared=3),
        kept(b"evidence 1", "131", 1, declared=3, warnings=("streak suspected",)),
        kept(b"evidence 2", "131", 2, declared=3, marked_blank=True),
        kept(b"evidence 3", "131", 3, declared=3),
        face(Fate.BLANK, b"a bare back", "131", reason="surely blank"),
        face(Fate.SUPERSEDED, None, "", case=None, reason="double_feed"),
        face(Fate.SUPERSEDED, None, "", case=None, reason="double_feed"),
        *separators("CCCCCCCC", "111"),
        kept(b"claim 1", "111", 1),
        kept(b"claim 2", "111", 2),
        *separators("DDDDDDDD", "171"),
        kept(b"deliberation", "171", 1),
        kept(b"a note", "990", 1),
        *separators("EEEEEEEE", case=OTHER_CASE),
        kept(b"another case", "113", 1, case=OTHER_CASE),
        face(Fate.BLANK, b"its back", "113", case=OTHER_CASE, reason="surely blank"),
    ]


def feed(ledger, faces):
    """Feed one batch, two faces a sheet; returns the page ids in the order of the paper."""
    number = ledger.open_batch(virtual=True).number
    ids = []
    for front, back in zip(faces[::2], faces[1::2], strict=True):
        sheet = ledger.request_feed(number)
        pages = [
            make(sheet.face(side)) for make, side in zip((front, back), PAPER_SIDES, strict=True)
        ]
        ledger.commit(pages)
        ids += [page.page_id for page in pages]
    ledger.close_batch(number)
    return ids


class Hall:
    """The appliance; feed it and pull from it."""

    def __init__(self, folder, *, chain=None):
        origin = Origin("hall-1", rule_set=RULES.id)
        self.folder = folder
        self.ledger = Ledger(
            folder / "spool",
            lambda entry: encode(entry, origin),
            allow_unsafe_disk=True,
            chain=chain,
        )
        self.ledger.start()
        self.manifests = Manifests(self.ledger, RULES, "hall-1")
        self.serve(0)

    def serve(self, port):
        """Serve the journal at a port; 0 takes a free one."""
        config = validate(
            {
                "appliance": {"name": "hall-1"},
                "stream": {
                    "listen": f"127.0.0.1:{port}",
                    "control_socket": str(self.folder / "control.sock"),
                },
                "consumer": [
                    {"name": "court", "secondary_volume": True, "decides": True},
                    {"name": "mirror", "required": False},
                ],
            },
            "test",
        )
        controls = Controls(
            status=StatusFacts,
            pause=lambda: None,
            resume=lambda: None,
            manifest=self.manifests.of,
            count=_ignore,
            close_batch=self.ledger.close_batch,
        )
        self.server = StreamServer(config, self.ledger, controls)
        self.server.start()

    def feed(self, faces):
        return feed(self.ledger, faces)

    def amend(self, request):
        """Ask for a correction as the court does; returns the sequence of its entry."""
        with grpc.insecure_channel(f"127.0.0.1:{self.server.port}") as channel:
            return DossierServiceStub(channel).Amend(request, timeout=20).sequence

    def pull(self, folder, consumer="court"):
        target = f"127.0.0.1:{self.server.port}"
        return Puller(Appliance(target, consumer), folder, give_up_s=5).run()

    def close(self):
        self.server.stop(0.2)
        self.ledger.close()


def _ignore(_label):
    """Nobody counts refusals here."""
