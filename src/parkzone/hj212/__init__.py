"""HJ 212 stations: data loggers that dial the platform."""
