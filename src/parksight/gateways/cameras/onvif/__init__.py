"""ONVIF (Profile S and T): set up once by the library, polled and turned by small hand-written messages."""
