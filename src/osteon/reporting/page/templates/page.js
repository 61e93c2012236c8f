// Nothing here is needed to read the page: sorting, hiding series, filtering cases, where am I.
(function () {
  "use strict";
  function button(text, pressed, act) {
    var made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", function () { act(made); });
    return made;
  }

  // Sorting: missing values stay last, rows stay in their group.
  function value(row, column) {
    var cell = row.cells[column];
    if (!cell) return null;
    if (cell.dataset.sort !== undefined) return parseFloat(cell.dataset.sort);
    var text = cell.textContent.trim();
    return text === "–" ? null : text;
  }
  function sort(table, column, down) {
    Array.prototype.forEach.call(table.tBodies, function (body) {
      var rows = Array.prototype.filter.call(body.rows, function (row) {
        return !row.classList.contains("group");
      });
      rows.sort(function (first, second) {
        var a = value(first, column), b = value(second, column);
        if (a === null || b === null) return (a === null) - (b === null);
        var order = typeof a === "number" && typeof b === "number"
          ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
        return down ? -order : order;
      });
      rows.forEach(function (row) { body.appendChild(row); });
    });
  }
  document.querySelectorAll("table.sortable").forEach(function (table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      if (!head.textContent.trim()) return;
      // A span: Chromium leaves real buttons out of heads repeated on printed pages.
      var made = document.createElement("span");
      made.className = "sorter";
      made.tabIndex = 0;
      made.setAttribute("role", "button");
      made.textContent = head.textContent;
      made.title = "sort by " + head.textContent;
      made.addEventListener("keydown", function (event) {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        made.click();
      });
      made.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") !== "descending" && column > 0
          || head.getAttribute("aria-sort") === "ascending";
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) {
          other.removeAttribute("aria-sort");
        });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, column, down);
      });
      head.textContent = "";
      head.appendChild(made);
    });
  });

  // Series of a chart: one button each.
  document.querySelectorAll("figure.chart").forEach(function (figure) {
    var names = figure.querySelectorAll(".names li");
    if (!names.length) return;
    var all = Array.prototype.slice.call(figure.querySelectorAll("[data-series]"));
    var bar = document.createElement("div");
    bar.className = "legend";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Show or hide series");
    names.forEach(function (name) {
      var groups = all.filter(function (one) { return one.dataset.series === name.dataset.key; });
      if (!groups.length) return;
      bar.appendChild(button(name.textContent, true, function (self) {
        var shown = self.getAttribute("aria-pressed") !== "true";
        self.setAttribute("aria-pressed", String(shown));
        groups.forEach(function (group) { group.classList.toggle("off", !shown); });
      }));
    });
    figure.insertBefore(bar, figure.querySelector("figcaption"));
  });

  // Cases of a gallery by class.
  document.querySelectorAll(".gallery").forEach(function (gallery) {
    var bar = gallery.querySelector(".filter");
    if (!bar) return;
    var cases = Array.prototype.slice.call(gallery.querySelectorAll(".case"));
    var labels = Array.from(new Set(cases.map(function (one) { return one.dataset.label; })));
    bar.hidden = false;
    [null].concat(labels).forEach(function (label) {
      bar.appendChild(button(label === null ? "all" : label, label === null, function (self) {
        bar.querySelectorAll("button").forEach(function (other) {
          other.setAttribute("aria-pressed", String(other === self));
        });
        cases.forEach(function (one) {
          one.hidden = label !== null && one.dataset.label !== label;
        });
      }));
    });
  });

  // Printing opens nothing and hides nothing: all series and cases come back.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".off").forEach(function (one) { one.classList.remove("off"); });
    document.querySelectorAll(".legend button").forEach(function (one) {
      one.setAttribute("aria-pressed", "true");
    });
  });

  // The section in view, marked in the contents.
  if (!("IntersectionObserver" in window)) return;
  var links = {};
  document.querySelectorAll(".contents a").forEach(function (link) {
    links[link.hash.slice(1)] = link;
  });
  var watcher = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (!entry.isIntersecting) return;
      Object.keys(links).forEach(function (key) {
        links[key].classList.toggle("here", key === entry.target.id);
      });
    });
  }, { rootMargin: "0px 0px -75% 0px" });
  document.querySelectorAll("main > section").forEach(function (one) { watcher.observe(one); });
})();
