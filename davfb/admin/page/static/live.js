// What pages do more with scripts than without: they keep themselves up to date, copy, and
// show the doctor's hops below the form. Everything else needs none.
"use strict";

// A part of the page that is loaded again every few seconds, unless it is paused, hidden,
// or somebody is at work in it.
for (const part of document.querySelectorAll("[data-refresh]")) {
	const seconds = Number(part.dataset.refresh);
	const control = document.createElement("p");
	const button = document.createElement("button");
	const text = document.createElement("span");
	button.type = "button";
	button.className = "quiet";
	text.className = "faint";
	control.append(button, " ", text);
	const title = part.previousElementSibling;
	if (title && title.matches(".titled")) title.append(control); else part.before(control);
	let paused = false, current = part;
	const say = (fault) => {
		button.textContent = paused ? "Go on refreshing" : "Pause refreshing";
		text.textContent = fault || (paused ? "Paused." : "Refreshed every " + seconds + " s.");
	};
	button.addEventListener("click", () => { paused = !paused; say(); });
	const load = async () => {
		if (paused || document.hidden || current.contains(document.activeElement)) return;
		try {
			const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Fbgate-Refresh": "1" } });
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			const fresh = page.querySelector("[data-refresh]");
			if (answer.redirected) { paused = true; say("You are signed out: load the page again."); return; }
			if (!answer.ok || !fresh) { say("The gateway does not answer."); return; }
			const open = [...current.querySelectorAll("details")].map((d) => d.open);
			const scrolled = [...current.querySelectorAll(".scroll")].map((s) => s.scrollLeft);
			[...fresh.querySelectorAll("details")].forEach((d, i) => { d.open = open[i] || false; });
			current.replaceWith(fresh);
			current = fresh;
			[...current.querySelectorAll(".scroll")].forEach((s, i) => { s.scrollLeft = scrolled[i] || 0; });
			say();
		} catch {
			say("The gateway does not answer.");
		}
	};
	say();
	setInterval(load, seconds * 1000);
}

// Where not all of a day can be seen, the morning comes first.
for (const bars of document.querySelectorAll(".bars")) {
	const morning = [...bars.querySelectorAll("thead th")].find((th) => th.textContent.startsWith("08"));
	const names = bars.querySelector("tbody th");
	if (morning && names && bars.scrollWidth > bars.clientWidth) bars.scrollLeft = morning.offsetLeft - names.offsetWidth;
}

for (const button of document.querySelectorAll("[data-copy]")) {
	if (!navigator.clipboard) continue;
	button.hidden = false;
	button.addEventListener("click", async () => {
		const text = button.textContent;
		try {
			await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
			button.textContent = "Copied";
		} catch {
			button.textContent = "Not allowed";
		}
		setTimeout(() => { button.textContent = text; }, 2000);
	});
}

// A form whose answer comes as server-sent events, one for each part that is to be shown.
for (const form of document.querySelectorAll("[data-stream]")) {
	if (!window.ReadableStream || !window.TextDecoderStream) continue;
	let running = null;
	form.addEventListener("submit", async (submitted) => {
		submitted.preventDefault();
		if (running) running.abort();
		const mine = running = new AbortController();
		const place = document.getElementById(form.dataset.stream);
		const heading = document.createElement("h2");
		const progress = document.createElement("progress");
		const course = document.createElement("div");
		const tally = document.createElement("p");
		heading.textContent = form.elements.mailbox.value;
		progress.setAttribute("aria-label", "The doctor is at work");
		course.className = "course";
		tally.className = "faint";
		tally.textContent = "The first hop is under way.";
		place.replaceChildren(heading, tally, progress, course);
		place.setAttribute("aria-busy", "true");
		const complain = (text) => {
			const p = document.createElement("p");
			p.className = "notice bad";
			p.setAttribute("role", "alert");
			p.textContent = text;
			course.append(p);
		};
		try {
			const answer = await fetch(form.action, {
				method: "POST", signal: mine.signal, headers: { Accept: "text/event-stream" }, body: new URLSearchParams(new FormData(form)),
			});
			if (!(answer.headers.get("Content-Type") || "").startsWith("text/event-stream")) {
				const page = new DOMParser().parseFromString(await answer.text(), "text/html");
				const told = page.querySelector("main .notice, main .lead");
				complain(told ? told.textContent : "The gateway answers something else. Load the page again.");
				return;
			}
			let rest = "", ended = false;
			for (let reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
				const { value, done } = await reader.read();
				if (done) break;
				const events = (rest + value).split("\n\n");
				rest = events.pop();
				for (const event of events) {
					ended = event.startsWith("event: verdict");
					const html = event.split("\n").filter((l) => l.startsWith("data: ")).map((l) => l.slice(6)).join("\n");
					course.insertAdjacentHTML("beforeend", html);
					tally.textContent = "Hops so far: " + course.querySelectorAll(".hop").length + ". The next one is under way.";
				}
			}
			if (!ended) complain("The connection ended before the doctor was done.");
		} catch (failure) {
			if (failure.name !== "AbortError") complain("The gateway does not answer.");
		} finally {
			if (running === mine) {
				progress.remove();
				tally.remove();
				place.removeAttribute("aria-busy");
				running = null;
			}
		}
	});
}
