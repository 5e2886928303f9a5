// Starts the filter of a page. `data-styles` of the element is the address of the list of styles.

import { Filter } from "./filter.js";

const place = document.querySelector("[data-styles]");
const asked = new URLSearchParams(location.search);

const response = await fetch(place.dataset.styles);
if (!response.ok) throw new Error(`${place.dataset.styles}: error ${response.status}`);
const { styles } = await response.json();

// ?style=NAME is the first choice, ?threads=N the number of threads of WebAssembly.
const wanted = styles.findIndex(({ name }) => name === asked.get("style"));
if (wanted > 0) styles.unshift(...styles.splice(wanted, 1));
const filter = new Filter(place.querySelector("[data-filter]"), styles, { threads: Number(asked.get("threads")) || 0 });
place.dataset.ready = "";
export default filter;
