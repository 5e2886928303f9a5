// Starts the filter of a page. The attribute `data-styles` of its element is the URL of the list of styles.

import { Filter } from "./filter.js";

const place = document.querySelector("[data-styles]");
const asked = new URLSearchParams(location.search);

const response = await fetch(place.dataset.styles);
if (!response.ok) throw new Error(`${place.dataset.styles}: error ${response.status}`);
const { styles } = await response.json();

// In the URL of the page, ?style=NAME selects a style, and ?threads=N sets the number of WebAssembly threads.
const wanted = styles.findIndex(({ name }) => name === asked.get("style"));
if (wanted > 0) styles.unshift(...styles.splice(wanted, 1));
const filter = new Filter(place.querySelector("[data-filter]"), styles, { threads: Number(asked.get("threads")) || 0 });
place.dataset.ready = "";
export default filter;
