"""How a plugin of Pulumi's serves: a gRPC server on a free loopback port, which it prints on standard output.

Source: pulumi:sdk/go/common/resource/plugin/plugin.go (`newPlugin` reads one line with the port, then connects).
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

# Creations wait for minutes inside a call; the engine decides how many run at once, never this server.
WORKERS = 128
# As pulumi:sdk/go/common/util/rpcutil: a whole stack's configuration or state may be in one message.
LARGEST_MESSAGE = 400 * 1024 * 1024
OPTIONS = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    # Two servers on one port would each get some of the engine's calls.
    ("grpc.so_reuseport", 0),
]


def serve(register: Callable[[grpc.Server], None], stopped: threading.Event) -> None:
    """Serve until `stopped` is set; calls that are under way then are cut off.

    Args:
        register: adds the services to the server.
        stopped: set by a signal, or when whoever asked for this plugin is gone.
    """
    server = grpc.server(ThreadPoolExecutor(WORKERS, thread_name_prefix="call"), options=OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    stopped.wait()
    server.stop(grace=None).wait()
