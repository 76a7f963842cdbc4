// A choice is one press of Back, and so is a page. Streamlit writes a choice over the address it was made at, and adds
// an entry for every value that a page corrects on arrival. So: what a person did adds an entry, once an act; the rest
// is written over.
if (!window.__hvaeHistory) {
  window.__hvaeHistory = true;
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let acted = false, path = location.pathname;
  const act = () => { acted = true; };
  const write = (state, title, url) => {
    const there = new URL(url, location.href);
    const turned = there.pathname !== path;
    if (there.href === location.href) return;
    (turned || acted ? push : replace)(state, title, url);
    acted = false;
    path = there.pathname;
  };
  history.pushState = write;
  history.replaceState = (state, title, url) => (url ? write(state, title, url) : replace(state, title));
  // A link in a table goes on in this session, as those of Streamlit do: to it this is a press of Back or Forward.
  addEventListener("click", event => {
    const link = event.target instanceof Element && event.target.closest("a.leads");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    push(null, "", link.href);
    dispatchEvent(new PopStateEvent("popstate", {state: null}));
  });
  for (const kind of ["pointerup", "keydown"]) addEventListener(kind, act, true);
  addEventListener("popstate", () => { acted = false; path = location.pathname; }, true);
}
