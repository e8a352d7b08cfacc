"""How the processes of a run find each other on one machine, without listening to the network.

torchrun's own rendezvous listens on every interface, and PyTorch unpickles what arrives there.
"""

import os
import socket

from torch.distributed import TCPStore
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)

ADDRESS, INTERFACE = "127.0.0.1", "lo"
BACKEND = "loopback"  # torchrun's --rdzv-backend


def register() -> None:
    """Teaches torchrun `--rdzv-backend=loopback`, and tells Gloo and NCCL to use the loopback interface as well."""
    rendezvous_handler_registry.register(BACKEND, LoopbackRendezvous)
    os.environ["GLOO_SOCKET_IFNAME"] = INTERFACE
    os.environ["NCCL_SOCKET_IFNAME"] = f"={INTERFACE}"  # "=": of exactly this name


class LoopbackRendezvous(RendezvousHandler):
    """A rendezvous of one machine: a store on the loopback interface, which the ranks use as well."""

    def __init__(self, parameters: RendezvousParameters) -> None:
        self._run_id = parameters.run_id
        listener = socket.create_server((ADDRESS, 0))
        self._port = listener.getsockname()[1]
        # A TCPStore given a port listens on every interface; given a socket, it listens there.
        self._store = TCPStore(
            ADDRESS, self._port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach()
        )

    def next_rendezvous(self) -> RendezvousInfo:
        return RendezvousInfo(self._store, 0, 1, RendezvousStoreInfo(ADDRESS, self._port))

    @property
    def use_agent_store(self) -> bool:
        """Has the ranks connect to this store instead of opening one."""
        return True

    def get_backend(self) -> str:
        return BACKEND

    def get_run_id(self) -> str:
        return self._run_id

    def is_closed(self) -> bool:
        return False

    def set_closed(self) -> None:
        """Nothing joins later, so nothing needs to know."""

    def num_nodes_waiting(self) -> int:
        return 0

    def shutdown(self) -> bool:
        return True
