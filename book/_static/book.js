// What scrolls inside its own box is focusable where it is too wide, so that the keyboard scrolls it, and fades
// where it goes on. The theme does the first for code and tables only, and only as the page loads: what is folded
// then has another width.
const BOXES = "pre, .pst-scrollable-table-container, .katex-display, .wide";
const goesOn = (box) => box.scrollLeft + box.clientWidth < box.scrollWidth - 1;
const boxes = new ResizeObserver((entries) => {
  // Measured first, then changed: after each change the browser would lay the page out again to measure.
  const measured = entries.map(({ target }) => [target, target.scrollWidth > target.clientWidth, goesOn(target)]);
  for (const [box, wide, more] of measured) {
    if (wide != (box.tabIndex == 0)) box.tabIndex = wide ? 0 : -1;
    box.classList.toggle("more", more);
  }
});
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(BOXES)) {
    boxes.observe(box);
    box.addEventListener("scroll", () => box.classList.toggle("more", goesOn(box)), { passive: true });
  }
  reveal();
  if (typeof Search != "undefined") Search.htmlToText = plainText(Search.htmlToText);
});

// The search quotes the pages that it finds: there a formula is its source, and stands once.
const plainText = (htmlToText) => (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const formula of page.querySelectorAll(".katex"))
    formula.textContent = formula.querySelector("annotation").textContent;
  return htmlToText(page.documentElement.outerHTML, anchor);
};

// A link to what is folded opens the fold.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const shut = target?.closest("details:not([open])");
  for (let fold = shut; fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (shut) target.scrollIntoView();
};
addEventListener("hashchange", reveal);
addEventListener("click", ({ target }) => {
  const link = target.closest("a[href*='#']");
  if (link?.href == location.href) reveal(); // the address stays, and so nothing else is told
});

// Paper is white: what is printed from the dark theme would be dark, with dark headings. And it has no folds: where
// the style sheet cannot open them, they are open while the page is printed.
const { dataset } = document.documentElement;
let onScreen, shut = [];
addEventListener("beforeprint", () => {
  onScreen = dataset.theme;
  dataset.theme = "light";
  if (!CSS.supports("selector(::details-content)")) shut = document.querySelectorAll("article details:not([open])");
  for (const fold of shut) fold.open = true;
});
addEventListener("afterprint", () => {
  dataset.theme = onScreen;
  for (const fold of shut) fold.open = false;
});
