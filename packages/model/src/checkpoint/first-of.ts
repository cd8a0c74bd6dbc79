/** How many entries of a list a message shows. */
const SHOWN = 6;

/** The first few entries of a list, and how many more there are: a large model may have hundreds that are wrong. */
export const firstOf = (entries: readonly string[], separator = '; '): string =>
  entries.length <= SHOWN
    ? entries.join(separator)
    : `${entries.slice(0, SHOWN).join(separator)}${separator}and ${entries.length - SHOWN} more`;
