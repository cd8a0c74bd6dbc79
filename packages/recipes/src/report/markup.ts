/** HTML that is safe to insert as it is. */
export interface Markup {
  readonly html: string;
}

/** What a template may hold: text is escaped, markup is not, `null` is nothing. */
export type Insert = Markup | string | number | null | readonly Insert[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters but tab and line breaks, and halves of surrogate pairs. */
const FORBIDDEN = /[^\P{Cc}\t\n\r]|\p{Cs}/gu;

/** Text for HTML content and quoted attributes. What HTML or UTF-8 forbids becomes U+FFFD. */
function escapeHtml(text: string): string {
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Marks text as markup. Only for text that this package made itself. */
export function raw(html: string): Markup {
  return { html };
}

function render(insert: Insert): string {
  if (insert === null) return '';
  if (typeof insert === 'string') return escapeHtml(insert);
  if (typeof insert === 'number') return String(insert);
  return 'html' in insert ? insert.html : insert.map(render).join('');
}

/** Template tag: everything that is inserted is escaped, unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...inserts: readonly Insert[]): Markup {
  return raw(strings.reduce((text, part, i) => text + render(inserts[i - 1] ?? null) + part));
}
