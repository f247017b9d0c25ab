"use strict";
// Tables are complete without this script; it adds sorting and search.

function cellValue(row, column) {
  const cell = row.cells[column];
  const text = (cell.dataset.value || cell.textContent).trim();
  return cell.classList.contains("n") ? parseFloat(text.replaceAll(",", "")) : text.toLowerCase();
}

function compare(first, second) {
  if (typeof first === "string") return first.localeCompare(second);
  return (Number.isNaN(first) ? -Infinity : first) - (Number.isNaN(second) ? -Infinity : second);
}

function sortBy(table, column) {
  const header = table.tHead.rows[0].cells[column];
  const ascending = header.getAttribute("aria-sort") === "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [cellValue(row, column), row]);
  rows.sort((a, b) => (ascending ? compare(a[0], b[0]) : compare(b[0], a[0])));
  body.append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    header.append(button);
  });
}

for (const tools of document.querySelectorAll(".tools")) {
  tools.hidden = false;
  const [input, output] = [tools.querySelector("input"), tools.querySelector("output")];
  const rows = [...document.getElementById(tools.dataset.table).tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const search = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, number) => {
      row.hidden = !words.every((word) => texts[number].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    output.textContent = `${shown} of ${rows.length} rows`;
  };
  input.addEventListener("input", search);
  search();
}
