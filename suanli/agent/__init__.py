"""`suanli push`: near a source that only its own network reaches, it asks it and brings what it says to the server."""
