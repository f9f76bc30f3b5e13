"""The code of a flow as one archive: what belongs to it, packed, unpacked, and its packages."""
