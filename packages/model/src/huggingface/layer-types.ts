import type { Architecture, ModelConfig } from '../config/types.js';
import { FORMATS, type HuggingFaceConfig } from './formats.js';

type Fail = (problem: string) => never;
type Layers = Partial<Pick<ModelConfig, 'slidingWindow' | 'slidingLayers' | 'ropeLayers'>>;

/** How an architecture tells which layers have a window. */
interface Windows {
  /** Whether a key switches windows on. */
  readonly isSwitched: boolean;
  /** The keys that say which layers have one, where `layer_types` does not. */
  readonly keys: readonly string[];
  /** Which layers those are. */
  readonly slides: (json: HuggingFaceConfig, index: number) => boolean;
}

/** A bound on what a malformed file can make us allocate. */
const MOST_LAYERS = 10_000;

const number = (json: HuggingFaceConfig, name: string, usual: number): number =>
  (json[name] ?? usual) as number;

/** Whether a layer of SmolLM3 turns its queries and keys. */
const turns = (json: HuggingFaceConfig, index: number): boolean => {
  const given = json['no_rope_layers'];
  if (Array.isArray(given)) return Boolean(given[index]);
  return (index + 1) % number(json, 'no_rope_layer_interval', 4) !== 0;
};

function turningLayers(json: HuggingFaceConfig, layers: number, fail: Fail): boolean[] {
  const given = json['no_rope_layers'];
  if (Array.isArray(given) && given.length !== layers) {
    fail(`no_rope_layers has ${given.length} entries, expected ${layers} (num_hidden_layers)`);
  }
  return Array.from({ length: layers }, (_, i) => turns(json, i));
}

const lastLayers: Windows = {
  isSwitched: true,
  keys: ['max_window_layers'],
  slides: (json, index) => index >= number(json, 'max_window_layers', 28),
};

const WINDOWS: Readonly<Partial<Record<Architecture, Windows>>> = {
  qwen2: lastLayers,
  qwen3: lastLayers,
  gemma2: { isSwitched: false, keys: [], slides: (_, index) => index % 2 === 0 },
  gemma3_text: {
    isSwitched: false,
    keys: ['sliding_window_pattern'],
    slides: (json, index) => (index + 1) % number(json, 'sliding_window_pattern', 6) !== 0,
  },
  smollm3: { isSwitched: true, keys: [], slides: (json, index) => !turns(json, index) },
};

export const layerKeys = (architecture: Architecture): string[] => [
  ...(WINDOWS[architecture] ? ['layer_types', 'sliding_window'] : []),
  ...(WINDOWS[architecture]?.isSwitched ? ['use_sliding_window'] : []),
  ...(WINDOWS[architecture]?.keys ?? []),
  ...(architecture === 'smollm3' ? ['no_rope_layers', 'no_rope_layer_interval'] : []),
];

const [FULL, SLIDING] = ['full_attention', 'sliding_attention'] as const;

function slidingLayers(
  json: HuggingFaceConfig,
  layers: number,
  slides: Windows['slides'],
  fail: Fail,
): boolean[] {
  const given = json['layer_types'] ?? undefined;
  if (given === undefined) return Array.from({ length: layers }, (_, i) => slides(json, i));
  if (
    !Array.isArray(given) ||
    given.length !== layers ||
    given.some((type) => type !== FULL && type !== SLIDING)
  ) {
    return fail(
      `layer_types is ${JSON.stringify(given)}, expected ${layers} entries (num_hidden_layers), each "${FULL}" or "${SLIDING}"`,
    );
  }
  return given.map((type) => type === SLIDING);
}

/** Reads which layers have a window, and which turn queries and keys. */
export function readLayers(
  architecture: Architecture,
  json: HuggingFaceConfig,
  layers: number,
  fail: Fail,
): Layers {
  const windows = WINDOWS[architecture];
  if (windows === undefined) return {};
  if (!(layers <= MOST_LAYERS)) {
    fail(`num_hidden_layers is ${JSON.stringify(layers)}, expected at most ${MOST_LAYERS}`);
  }
  const { isSwitched, slides } = windows;
  const isOn = !isSwitched || json['use_sliding_window'] === true;
  const usual = FORMATS[architecture].defaults.slidingWindow;
  const window = (json['sliding_window'] === undefined ? usual : json['sliding_window']) as
    number | null | undefined;
  const flags = slidingLayers(json, layers, slides, fail);
  const slideAtAll = isOn && window !== null && window !== undefined && flags.includes(true);
  return {
    ...(slideAtAll && { slidingWindow: window, slidingLayers: flags }),
    ...(architecture === 'smollm3' && {
      ropeLayers: turningLayers(json, layers, fail),
    }),
  };
}

/** Writes them; the inverse of {@link readLayers}. */
export function writeLayers(config: ModelConfig): HuggingFaceConfig {
  const { architecture, layers, slidingWindow = null, slidingLayers: flags, ropeLayers } = config;
  const windows = WINDOWS[architecture];
  if (windows === undefined) return {};
  const indices = Array.from({ length: layers }, (_, i) => i);
  const slides = (i: number): boolean => slidingWindow !== null && (flags?.[i] ?? true);
  return {
    sliding_window: slidingWindow,
    layer_types: indices.map((i) => (slides(i) ? SLIDING : FULL)),
    ...(windows.isSwitched && { use_sliding_window: slidingWindow !== null }),
    ...(windows.keys.includes('max_window_layers') && { max_window_layers: layers }),
    ...(architecture === 'smollm3' && {
      no_rope_layers: indices.map((i) => Number(ropeLayers?.[i] ?? true)),
    }),
  };
}
