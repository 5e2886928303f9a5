"""The web application of `fststyle serve`.

The server needs the extra `web`. `fststyle.cli` imports `settings`, and `server` only to run the command;
`fststyle.export` imports `ort` and `browser_styles`. `settings`, `ort` and `browser_styles` do not import
FastAPI.
"""
