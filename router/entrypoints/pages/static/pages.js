/* Keeps a page alive: countdowns, what changed, the rep's presence, a sound. Without it every form still works. */
"use strict";
(() => {
  const body = document.body;
  const live = document.querySelector("[data-live]");
  const isLeads = body.dataset.page === "leads";
  const baseTitle = document.title;
  let ahead = Number(body.dataset.now) - Date.now(); // how far the server's clock is ahead of ours
  let unseen = 0;

  // --- clocks ---------------------------------------------------------------------------------------------------------
  const two = (number) => String(number).padStart(2, "0");
  function span(ms) {
    const seconds = Math.floor(Math.abs(ms) / 1000);
    if (seconds >= 3600) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
    return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  }
  function put(node, text) {
    if (node && node.textContent !== text) node.textContent = text;
  }
  function tick() {
    const now = Date.now() + ahead;
    for (const node of document.querySelectorAll(".countdown[data-due]")) {
      const left = Number(node.dataset.due) - now;
      const of = node.querySelector("[data-of]");
      node.dataset.label ??= of.textContent;
      put(node.querySelector("[data-left]"), span(left));
      put(of, left < 0 ? "overdue" : node.dataset.label);
    }
    for (const node of document.querySelectorAll(".lead[data-due]")) {
      const due = Number(node.dataset.due);
      const passed = (now - Number(node.dataset.since)) / Math.max(1, due - Number(node.dataset.since));
      const tone = now >= due ? "overdue" : passed >= 0.8 ? "near" : passed >= 0.5 ? "soon" : "calm";
      if (node.classList.contains(tone)) continue;
      node.classList.remove("overdue", "near", "soon", "calm", "none");
      node.classList.add(tone);
      if (isLeads && tone === "near") say(`Little time left to call ${node.dataset.who}.`);
      if (isLeads && tone === "overdue") say(`${node.dataset.who} is overdue.`);
    }
  }
  for (const node of document.querySelectorAll("time[data-local]")) {
    const moment = new Date(node.dateTime);
    node.textContent = moment.toLocaleTimeString();
    node.title = moment.toLocaleString();
  }
  tick();
  setInterval(tick, 250);

  // --- what is said, and heard ---------------------------------------------------------------------------------------
  const said = document.querySelector("[data-said]");
  const alerted = document.querySelector("[data-alert]");
  function tell(text, wrong) {
    if (!said) return;
    said.classList.toggle("wrong", Boolean(wrong));
    said.textContent = text;
  }
  function say(text) {
    if (alerted) alerted.textContent = text;
  }
  const sound = document.querySelector("[data-sound]");
  let audio = null;
  const wants = () => localStorage.getItem("sound") !== "off";
  function wake() { // a browser lets a page sound only after somebody has pressed something
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume();
  }
  function beep() {
    if (!audio || !wants()) return;
    [[0, 660], [0.16, 880]].forEach(([after, pitch]) => {
      const tone = audio.createOscillator();
      const loud = audio.createGain();
      const start = audio.currentTime + after;
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(0.0001, start);
      loud.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
      tone.connect(loud).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.32);
    });
    body.dataset.beeps = String(Number(body.dataset.beeps || 0) + 1);
  }
  if (sound) {
    const show = () => {
      sound.setAttribute("aria-pressed", String(wants()));
      sound.textContent = wants() ? "Sound on" : "Sound off";
    };
    sound.hidden = false;
    show();
    sound.addEventListener("click", () => {
      localStorage.setItem("sound", wants() ? "off" : "on");
      show();
      wake();
      beep();
    });
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, wake, { passive: true });
  }
  function title() {
    document.title = unseen ? `(${unseen}) New lead · Speed to lead` : baseTitle;
  }
  function seen() {
    if (document.hidden || !document.hasFocus()) return;
    unseen = 0;
    title();
  }
  for (const kind of ["focus", "pointerdown", "keydown"]) addEventListener(kind, seen, { passive: true });

  // --- what changed ---------------------------------------------------------------------------------------------------
  // The server renders; here the fresh parts take the place of the old ones. What did not change is left alone, so that
  // a form that somebody fills in, and the place where they are, stay.
  function opened(node) {
    return [...node.querySelectorAll("details")].map((each) => each.open);
  }
  function reopen(node, states) {
    [...node.querySelectorAll("details")].forEach((each, index) => { each.open = Boolean(states[index]); });
  }
  function swap(old, fresh) {
    const states = opened(old);
    old.replaceWith(fresh);
    reopen(fresh, states);
  }
  function merge(old, fresh) {
    if (!fresh.querySelector(":scope > [data-key]") && !old.querySelector(":scope > [data-key]")) {
      if (old.innerHTML !== fresh.innerHTML || old.className !== fresh.className || old.hidden !== fresh.hidden) swap(old, fresh);
      return;
    }
    const known = new Map([...old.children].map((child) => [child.dataset.key, child]));
    const wanted = new Set();
    let place = null;
    for (const child of [...fresh.children]) {
      let node = known.get(child.dataset.key);
      wanted.add(child.dataset.key);
      if (!node) {
        node = child;
        if (isLeads) arrived(node);
      } else if (node.dataset.rev !== child.dataset.rev) {
        swap(node, child);
        node = child;
      }
      const next = place ? place.nextElementSibling : old.firstElementChild;
      if (next !== node) old.insertBefore(node, next);
      place = node;
    }
    for (const child of [...old.children]) if (!wanted.has(child.dataset.key)) child.remove();
  }
  const had = new Set(live ? [...live.querySelectorAll("[data-key]")].map((node) => node.dataset.key) : []);
  let news = [];
  function arrived(node) {
    if (had.has(node.dataset.key)) return;
    had.add(node.dataset.key);
    node.classList.add("new");
    news.push(node.dataset.who);
  }
  function announce() {
    if (!news.length) return;
    unseen += news.length;
    say(news.length === 1 ? `New lead: ${news[0]}.` : `${news.length} new leads: ${news.join("; ")}.`);
    news = [];
    title();
    beep();
  }
  function whereabouts() {
    const node = document.activeElement;
    if (!node || !live.contains(node)) return null;
    const keyed = node.closest("[data-key]");
    return { node, name: node.dataset.focus, key: keyed ? keyed.dataset.key : null };
  }
  function comeBack(where) {
    if (!where || document.contains(where.node)) return;
    const scope = where.key ? live.querySelector(`[data-key="${CSS.escape(where.key)}"]`) : live;
    const again = scope && where.name && scope.querySelector(`[data-focus="${where.name}"]`);
    const within = scope && where.key ? scope.querySelector("[data-focus]") : null;
    (again || within || document.querySelector("[data-heading]")).focus();
  }
  let asking = false;
  let again = false;
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      do {
        again = false;
        const answer = await fetch(live.dataset.live, { headers: { "X-From-Script": "1" } });
        if (answer.status === 401) { location.assign("/sign-in"); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        ahead = Number(fresh.querySelector("[data-now]").dataset.now) - Date.now();
        const where = whereabouts();
        for (const part of fresh.querySelectorAll("[data-region]")) {
          const old = live.querySelector(`[data-region="${part.dataset.region}"]`);
          if (old) merge(old, document.importNode(part, true));
        }
        comeBack(where);
        tick();
        announce();
        steady();
      } while (again);
    } catch {
      setTimeout(refresh, 2000);
    } finally {
      asking = false;
    }
  }
  if (live) {
    const stream = new EventSource(live.dataset.events);
    stream.addEventListener("change", refresh);
    setInterval(() => { if (!document.hidden) refresh(); }, isLeads ? 30000 : 15000);
    addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
    addEventListener("pagehide", () => stream.close());
  }

  // --- forms ----------------------------------------------------------------------------------------------------------
  async function send(path, fields) {
    return fetch(path, { method: "POST", body: new URLSearchParams(fields), headers: { "X-From-Script": "1" }, keepalive: true });
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    const fields = new FormData(form, event.submitter);
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await send(form.action, fields);
      if (answer.status === 401) { location.assign("/sign-in"); return; }
      tell(await answer.text(), !answer.ok);
      if (answer.ok && fields.get("status")) sessionStorage.setItem("status", fields.get("status"));
    } catch {
      tell("That did not arrive: there is no connection. Try again.", true);
    } finally {
      form.removeAttribute("aria-busy");
      await refresh();
    }
  });

  // --- presence -------------------------------------------------------------------------------------------------------
  // Beats while the page is open; says so when it closes. A page that is only loaded again is back in time.
  const token = body.dataset.token;
  const page = crypto.randomUUID ? crypto.randomUUID() : `page-${Math.random().toString(36).slice(2)}-${Date.now()}`;
  let gone = false;
  function beat(opened) {
    const fields = { token, page };
    if (opened) fields.opened = "1";
    return send("/presence/beat", fields).catch(() => {});
  }
  function steady() { // who chose to be available in this window and only slept is so again
    const shown = live.querySelector("[data-status]");
    if (gone || !shown || shown.dataset.status !== "offline") return;
    const chosen = sessionStorage.getItem("status");
    if (chosen !== "available" && chosen !== "busy") return;
    sessionStorage.removeItem("status");
    send("/presence", { token, status: chosen }).then((answer) => {
      if (answer.ok) {
        sessionStorage.setItem("status", chosen);
        tell(`You are ${chosen} again.`);
      }
      refresh();
    }, () => {});
  }
  if (isLeads) {
    beat(true).then(steady);
    setInterval(() => beat(false), 25000);
    addEventListener("pagehide", () => {
      gone = true;
      navigator.sendBeacon("/presence/leave", new URLSearchParams({ token, page }));
    });
    addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      gone = false;
      location.reload();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      seen();
      beat(true).then(refresh);
    });
  }
})();
