"""MQTT: the demo's broker, JSON gateways and a Sparkplug B edge node."""
