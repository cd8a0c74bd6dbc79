import { readFileSync } from 'node:fs';

const worthNaming =
  /^(sse4_2|avx|avx2|fma|f16c|avx512\w+|avx_vnni|avx10\w*|amx_\w+|neon|asimd\w*|sve2?|bf16|i8mm|fphp)$/;

/** Vector instructions of this processor, as Linux names them; empty where the system does not tell. */
export function cpuFeatures(): readonly string[] {
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return [];
  }
  const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1]?.split(/\s+/) ?? [];
  return flags.filter((flag) => worthNaming.test(flag));
}
