import { open } from 'node:fs/promises';

import type { ModelConfig } from '@cfrl/model';

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
};
const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (value: number): Buffer => Buffer.from(Float32Array.of(value).buffer);

const Q8_0 = { type: 8, values: 32, bytes: 34 };
const F32 = { type: 0, values: 1, bytes: 4 };

/** A row of tensor bytes: small numbers that are not all the same. */
function row({ bytes }: typeof F32, width: number): Buffer {
  if (bytes === 4) return Buffer.from(new Float32Array(width).fill(1).buffer);
  const blocks = Buffer.from(Uint8Array.from({ length: (width / 32) * 34 }, (_, i) => i % 251));
  // Half-precision scales of 2^-10.
  for (let at = 0; at < blocks.length; at += 34) blocks.writeUInt16LE(0x1400, at);
  return blocks;
}

/** Writes a Llama in GGUF with matrices of Q8_0, whose numbers mean nothing. */
export async function writeLlama(path: string, config: ModelConfig): Promise<void> {
  const { hiddenSize: width, intermediateSize: inner, layers, heads, keyValueHeads } = config;
  const keys = (width / heads) * keyValueHeads;
  const layer = (i: number): [string, number[]][] => [
    [`blk.${i}.attn_norm`, [width]],
    [`blk.${i}.attn_q`, [width, width]],
    [`blk.${i}.attn_k`, [keys, width]],
    [`blk.${i}.attn_v`, [keys, width]],
    [`blk.${i}.attn_output`, [width, width]],
    [`blk.${i}.ffn_norm`, [width]],
    [`blk.${i}.ffn_gate`, [inner, width]],
    [`blk.${i}.ffn_up`, [inner, width]],
    [`blk.${i}.ffn_down`, [width, inner]],
  ];
  const tensors: [string, number[]][] = [
    ['token_embd', [config.vocabSize, width]],
    ...Array.from({ length: layers }, (_, i) => layer(i)).flat(),
    ['output_norm', [width]],
  ];
  const numbers: Readonly<Record<string, number>> = {
    embedding_length: width,
    feed_forward_length: inner,
    block_count: layers,
    'attention.head_count': heads,
    'attention.head_count_kv': keyValueHeads,
    context_length: config.maxPositions,
  };
  const metadata = [
    [text('general.architecture'), u32(8), text('llama')],
    [text('llama.attention.layer_norm_rms_epsilon'), u32(6), f32(1e-5)],
    ...Object.entries(numbers).map(([key, value]) => [text(`llama.${key}`), u32(4), u32(value)]),
  ];
  let offset = 0;
  const described = tensors.map(([name, shape]) => {
    const format = shape.length === 1 ? F32 : Q8_0;
    const sizes = [...shape].reverse().map(u64);
    const entry = [text(`${name}.weight`), u32(shape.length), ...sizes, u32(format.type)];
    const bytes = Buffer.concat([...entry, u64(offset)]);
    const size = shape.reduce((product, n) => product * n, format.bytes / format.values);
    offset += Math.ceil(size / 32) * 32;
    return { bytes, format, shape, padding: (32 - (size % 32)) % 32 };
  });
  const header = Buffer.concat([
    ...[Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(metadata.length)],
    ...metadata.flat(),
    ...described.map(({ bytes }) => bytes),
  ]);
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32)]));
    for (const { format, shape, padding } of described) {
      const rows = Array<Buffer>(shape.length === 1 ? 1 : shape[0]!).fill(
        row(format, shape.at(-1)!),
      );
      await file.writev([...rows, Buffer.alloc(padding)]);
    }
  } finally {
    await file.close();
  }
}
