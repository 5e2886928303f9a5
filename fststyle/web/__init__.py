"""The web application of `fststyle serve`.

The server needs the packages of the extra `web`. The modules `settings`, `ort` and `browser_styles` do not
import FastAPI: the command line and `fststyle.export` import them without that extra.
"""
