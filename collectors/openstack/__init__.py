"""OpenStack: what Placement says of a cloud's devices, and Ironic of its bare metal."""
