/** What files are by their first bytes, where they are not what their names say, and what to do. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'empty; download it again'],
  [/^version /, 'a pointer of Git LFS, expected the data; fetch it with git lfs pull'],
  [
    /^\s*<(!doc|html|head|\?xml)/i,
    'a web page, expected the data; download it again, from where no login is asked for',
  ],
  [
    /^PK\x03\x04/,
    'a zip archive, as PyTorch writes, expected the data; convert it in Python with save_pretrained',
  ],
  [/^\x1f\x8b/, 'compressed by gzip, expected the data; unpack it'],
  [/^(\xff\xfe|\xfe\xff)/, 'UTF-16, expected UTF-8; save it as UTF-8'],
  [/^GGUF/, 'a GGUF file; name the file instead of its folder'],
  [/^\{\s*"[^\0]{4}/, 'JSON, expected the data; download it again'],
];

/** What a file is instead of what its name says, from its first bytes; nothing where they do not tell. */
export function foundInstead(bytes: Uint8Array): string | undefined {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 64));
  const kind = KINDS.find(([pattern]) => pattern.test(start))?.[1];
  return kind === undefined ? undefined : `the file is ${kind}`;
}
