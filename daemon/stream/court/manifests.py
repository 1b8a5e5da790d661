"""The manifests of a pulled folder: fetched when a case has changed, and what is made from them.

Rule 1: a manifest is kept only when all the entries that it speaks of are here.
"""

from typing import Final

import grpc

from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import DossierServiceStub
from daemon.stream.court.dial import status_of
from daemon.stream.court.manifest_head import spoken_of
from daemon.stream.court.pdf import Pdfs
from daemon.stream.court.pulled import Pulled
from daemon.stream.court.store import CourtStore

_CALL_S: Final = 30.0
_NO_MANIFEST: Final = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.PERMISSION_DENIED,
    }
)


class ManifestFetcher:
    """Fetches the manifests that are due.

    Parameters
    ----------
    dossier
        The appliance.
    store, pulled
        Where they go, and the account that is kept.
    pdfs
        Made anew when a manifest has changed; None: nobody wants any.
    """

    def __init__(
        self, dossier: DossierServiceStub, store: CourtStore, pulled: Pulled, pdfs: Pdfs | None
    ) -> None:
        self._dossier = dossier
        self._store = store
        self._pulled = pulled
        self._pdfs = pdfs

    def fetch(self) -> bool:
        """Fetch what is due; False when a manifest speaks of more than is here yet.

        Raises
        ------
        grpc.RpcError
            If a call failed and may go well later.
        ContractError
            If something else than a manifest came.
        """
        sequence = self._store.cursor.sequence
        due = self._store.cases_without_manifest()
        late = [case_key for case_key in due if not self._fetch_one(case_key, sequence)]
        if self._pdfs is not None:
            made = self._pdfs.refresh(self._store)
            self._pulled.pdfs += made
            self._pulled.without_pdf = self._pdfs.not_made
        return not late

    def _fetch_one(self, case_key: str, sequence: int) -> bool:
        try:
            answer = self._dossier.GetManifest(
                pb.GetManifestRequest(case_number=case_key), timeout=_CALL_S
            )
        except grpc.RpcError as error:
            if status_of(error) not in _NO_MANIFEST:
                raise
            self._without(case_key, sequence, gone=status_of(error) is grpc.StatusCode.NOT_FOUND)
            return True
        if spoken_of(answer.manifest_json)[1] > sequence:
            return False  # written a moment later than the last entry we hold
        self._store.keep_manifest(case_key, answer.manifest_json, sequence)
        self._pulled.keep_manifest(case_key)
        return True

    def _without(self, case_key: str, sequence: int, *, gone: bool) -> None:
        """Note that there is no manifest; that of a case which everything has left goes."""
        if gone and self._store.drop_manifest(case_key, sequence):
            return
        self._pulled.lack_manifest(case_key)
