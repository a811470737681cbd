"""The zone's cameras: heads that turn, pictures rendered from the park's own geometry, RTSP and ONVIF.

The truth of each picture (place, pose, lens) is known, so that everything that measures by pictures can be checked.
"""
