"""RTSP/RTP as a client: codecs without I/O (``sdp``, ``rtp``, ``rtcp``, ``depacketise``, ``timing``, ``messages``) and the session."""
