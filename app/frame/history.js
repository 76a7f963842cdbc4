// A choice is one press of Back, and so is a page. Streamlit writes a choice over the address it was made at, and adds
// an entry for every value that a page corrects on arrival. So: what a person did adds an entry, once an act; the rest
// is written over.
if (!window.__hvaeHistory) {
  window.__hvaeHistory = true;
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let acted = false, leaving = false, path = location.pathname;
  const act = event => {
    leaving = Boolean(event.target.closest?.('[data-testid^="stTopNav"]'));
    acted = true;
  };
  const write = (state, title, url) => {
    const there = new URL(url, location.href);
    const turned = there.pathname !== path;
    // On the way to another page Streamlit may write an address without all values of the page that is left.
    if (there.href === location.href || leaving && !turned) return;
    (turned || acted ? push : replace)(state, title, url);
    acted = leaving = false;
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
  addEventListener("popstate", () => { acted = leaving = false; path = location.pathname; }, true);
}
