// What scrolls inside its own box is focusable where it is too wide, so that the keyboard scrolls it. The theme
// does this for code and tables only, and only as the page loads: what is folded then has another width.
const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("pre, .pst-scrollable-table-container, .katex-display"))
    boxes.observe(box);
  if (typeof Search != "undefined") Search.htmlToText = plainText(Search.htmlToText);
});

// The search quotes the pages that it finds: there a formula is its source, and stands once.
const plainText = (htmlToText) => (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const formula of page.querySelectorAll(".katex"))
    formula.textContent = formula.querySelector("annotation").textContent;
  return htmlToText(page.documentElement.outerHTML, anchor);
};
