"""The web application of `fststyle serve`. Needs the extra `web`; nothing outside this package imports it."""
