"""One function per thing a user can do; surfaces parse, call one of these, and render."""
