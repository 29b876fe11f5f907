extension ReferencePage {
  static let style = """
    :root { color-scheme: light dark; --line: #8884; --soft: #8881; }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 68rem; padding: 1rem 1.25rem 4rem; font: 1rem/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); } h3 { font-size: 1rem; }
    h3 a { color: inherit; text-decoration: none; }
    nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; }
    code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
    pre { background: var(--soft); padding: .6rem .8rem; overflow-x: auto; border-radius: .25rem; }
    article { border-bottom: 1px solid var(--line); padding: .25rem 0 .75rem; overflow-wrap: anywhere; }
    table { border-collapse: collapse; width: 100%; } caption { text-align: left; font-weight: 600; }
    th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-top: 1px solid var(--line); }
    .method { display: inline-block; min-width: 4.2em; font-weight: 700; }
    .get { color: #1a7f5a; } .post { color: #2563eb; } .put, .patch { color: #b45309; } .delete { color: #dc2626; }
    .members { margin: 0; padding-left: 1.2rem; } dt { font-weight: 600; } input { font: inherit; width: min(24rem, 90vw); }
    [hidden] { display: none; }

    """

  static let script = """
    'use strict';
    // A search over what the page has; without it the page is read as it is.
    const field = document.getElementById('words');
    const found = document.getElementById('found');
    const entries = [...document.querySelectorAll('article')].map((element) => [element, element.textContent.toLowerCase()]);
    function search() {
      const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);
      let count = 0;
      for (const [element, text] of entries) {
        const fits = words.every((word) => text.includes(word));
        element.hidden = !fits;
        if (fits) count += 1;
      }
      found.textContent = words.length ? `${count} found` : '';
    }
    document.getElementById('search').hidden = false;
    field.addEventListener('input', search);

    """
}
