"""Whole reads decoded at once, compiled: frames, CRC, device, point, value, quality and the answers to send.

Only plain uploads in regular form are decoded here; everything else is left to the lenient codec, byte for
byte, so that the two together say what the lenient codec alone would say (a property test holds them to it).
"""
