"""The lab's servers as background processes: API servers, OpenBao, External Secrets, and the lab's stand-ins."""
