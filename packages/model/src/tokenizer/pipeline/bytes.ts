const BYTES = 256;

/** The printable characters that GPT-2's byte-level files write for the 256 bytes. */
export const byteCharacters: readonly string[] = ((): string[] => {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = BYTES;
  return Array.from({ length: BYTES }, (_, byte) =>
    String.fromCodePoint(printable(byte) ? byte : next++),
  );
})();

/** The byte of each of {@link byteCharacters}. */
export const characterBytes: ReadonlyMap<string, number> = new Map(
  byteCharacters.map((character, byte) => [character, byte]),
);

/** The name of a byte in vocabularies that fall back to bytes. */
export const byteTokens: readonly string[] = Array.from(
  { length: BYTES },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

const encoder = new TextEncoder();

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Text of bytes, with U+FFFD where they are not UTF-8. */
export const lossyText = (bytes: readonly number[]): string => lossy.decode(Uint8Array.from(bytes));

/** Text of bytes, or undefined where they are not UTF-8. */
export function strictText(bytes: readonly number[]): string | undefined {
  try {
    return strict.decode(Uint8Array.from(bytes));
  } catch {
    return undefined; // not UTF-8: TextDecoder has no other way to say so
  }
}
