// What is wrong with a page for people who cannot see it well, or at all, or use no mouse:
// a list of sentences.
(() => {
	const faults = [];
	const fault = (what, e) => faults.push(what + (e ? ": " + e.outerHTML.slice(0, 160) : ""));
	const all = (selector, root = document) => [...root.querySelectorAll(selector)];
	const shown = (e) => e.checkVisibility() && getComputedStyle(e).visibility === "visible";
	const text = (e) => e ? e.textContent.replace(/\s+/g, " ").trim() : "";
	const name = (e) => {
		const by = e.getAttribute("aria-labelledby");
		if (by) return by.split(/\s+/).map((id) => text(document.getElementById(id))).join(" ").trim();
		const own = (e.getAttribute("aria-label") || "").trim();
		if (own) return own;
		if (e.labels && e.labels.length) return [...e.labels].map(text).join(" ");
		if (/^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName)) return ""; // a placeholder or a title is no label
		const copy = e.cloneNode(true);
		all("[aria-hidden=true]", copy).forEach((c) => c.remove());
		return text(copy) || all("img[alt]", copy).map((i) => i.alt).join(" ").trim();
	};

	if (!document.documentElement.lang) fault("no language");
	if (!document.title.trim()) fault("no title");
	for (const [selector, most] of [["main", 1], ["body > header", 1], ["body > footer", 1], ["h1", 1]])
		if (all(selector).filter(shown).length !== most) fault("there should be one " + selector);
	for (const nav of all("nav")) if (!name(nav)) fault("a navigation without a name", nav);
	const ids = new Set();
	for (const e of all("[id]")) { if (ids.has(e.id)) fault("an id that is there twice", e); ids.add(e.id); }
	for (const attribute of ["for", "aria-labelledby", "aria-describedby", "aria-controls"])
		for (const e of all("[" + attribute + "]"))
			for (const id of e.getAttribute(attribute).split(/\s+/)) if (!ids.has(id)) fault(attribute + " names nothing", e);
	for (const e of all("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=img], [role=region], progress"))
		if (shown(e) && !name(e)) fault("no name", e);
	for (const e of all("img:not([alt])")) fault("no alt", e);
	for (const e of all("svg:not([role=img]):not([aria-hidden])")) fault("a picture without a role", e);
	for (const e of all("[tabindex]")) if (e.tabIndex > 0) fault("out of the order of focus", e);
	for (const e of all("a[href^='#']")) if (!ids.has(e.hash.slice(1))) fault("leads nowhere", e);

	let level = 0;
	for (const e of all("h1, h2, h3, h4, h5, h6").filter(shown)) {
		const its = Number(e.tagName[1]);
		if (its > level + 1) fault("a heading that leaves out a level", e);
		if (!text(e)) fault("an empty heading", e);
		level = its;
	}
	for (const table of all("table")) {
		if (!all("th", table).length) fault("a table without headings", table);
		for (const th of all("th", table)) { if (!th.scope) fault("a heading without scope", th); if (!text(th)) fault("an empty heading of a table", th); }
	}
	for (const list of all("ul, ol")) for (const c of list.children) if (c.tagName !== "LI") fault("in a list, but no item", c);
	for (const e of all("[title]")) if (shown(e) && e.tagName !== "TITLE" && !text(e).includes(e.title)) fault("says something only to a mouse", e);
	// What scrolls has to be reached by keys.
	for (const e of all("body *")) {
		const style = getComputedStyle(e);
		if (/(auto|scroll)/.test(style.overflowX) && e.scrollWidth > e.clientWidth && e.tabIndex < 0 && e.tagName !== "TEXTAREA") fault("scrolls, but not by keys", e);
	}

	// Contrast of text with what is behind it: WCAG 2, 1.4.3.
	const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const colour = (css, over) => {
		paint.fillStyle = `rgb(${over})`; paint.fillRect(0, 0, 1, 1);
		paint.fillStyle = css; paint.fillRect(0, 0, 1, 1);
		return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
	};
	const luminance = (c) => c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const grounds = new Map();
	const behind = (e) => {
		if (!e) return [255, 255, 255];
		if (!grounds.has(e)) {
			const own = getComputedStyle(e).backgroundColor, under = behind(e.parentElement);
			grounds.set(e, own === "rgba(0, 0, 0, 0)" ? under : colour(own, under));
		}
		return grounds.get(e);
	};
	const seen = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement;
		if (!walker.currentNode.data.trim() || seen.has(e) || !shown(e) || e.closest(".unseen, svg, script, option")) continue;
		seen.add(e);
		const style = getComputedStyle(e), ground = behind(e);
		const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
		const got = ratio(colour(style.color, ground), ground);
		if (got < (large ? 3 : 4.5)) fault("contrast " + got.toFixed(2), e);
	}
	for (const e of all("input:not([type=hidden]):not([type=checkbox]), select, textarea, button").filter(shown)) {
		const ground = behind(e.parentElement), style = getComputedStyle(e);
		const got = Math.max(ratio(colour(style.borderTopColor, ground), ground), ratio(colour(style.backgroundColor, ground), ground));
		if (got < 3) fault("edge " + got.toFixed(2), e);
		if (e.getBoundingClientRect().height < 24) fault("too low to be touched", e);
	}

	const root = document.documentElement;
	if (root.scrollWidth > root.clientWidth) {
		fault("the page is " + root.scrollWidth + " wide, of " + root.clientWidth);
		for (const e of all("body *")) if (!e.closest(".scroll") && e.getBoundingClientRect().right > root.clientWidth + 1) { fault("reaches out", e); break; }
	}
	return faults;
})()
