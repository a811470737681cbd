"""Cameras: video in by RTSP, turned by ONVIF, ISAPI or GB/T 28181, and out to the browsers untouched."""
