"""RTSP 1.0 and RTP as cameras speak them (RFC 2326, 3550, 6184)."""
