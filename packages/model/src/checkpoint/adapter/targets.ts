import { isEnd } from '../../lora/modules.js';
import { pythonPattern } from './python-pattern.js';

/** The fields of an `adapter_config.json` that say which modules are adapted. */
export interface PeftTargets {
  /** A pattern of whole names, ends of names, or undefined: whatever the file holds. */
  readonly targets: string | readonly string[] | undefined;
  readonly excluded: string | readonly string[];
  readonly layers: readonly number[];
  readonly layersPattern: readonly string[];
  readonly modulesToSave: readonly string[];
}

const selects = (what: string | readonly string[], name: string): boolean =>
  typeof what === 'string' ? pythonPattern(what).test(name) : what.some((end) => isEnd(name, end));

/** The first index of a layer in a name. */
function layerOf(name: string, patterns: readonly string[]): number | undefined {
  const found =
    patterns.length === 0
      ? /^.*?\.[^.]*\.(\d+)\./.exec(name)?.[1]
      : patterns
          .map(
            (pattern) =>
              pythonPattern(`(?:.*?\\.)?(?:${pattern})\\.(?P<idx>\\d+)\\..*`).exec(name)?.groups?.[
                'idx'
              ],
          )
          .find((index) => index !== undefined);
  return found === undefined ? undefined : Number(found);
}

/**
 * Whether PEFT adapts a module.
 *
 * @param isLinearOfLayers - what `all-linear` means
 * @see `check_target_module_exists` of PEFT's tuners_utils.py
 */
export function isTargeted(
  { targets, excluded, layers, layersPattern, modulesToSave }: PeftTargets,
  name: string,
  isLinearOfLayers: boolean,
): boolean {
  if (excluded.length > 0 && selects(excluded, name)) return false;
  if (modulesToSave.some((m) => pythonPattern(`(?:.*\\.)?(?:${m})(?:\\..*)?`).test(name)))
    return false;
  if (targets === undefined) return true;
  if (typeof targets === 'string') {
    return targets.toLowerCase() === 'all-linear' ? isLinearOfLayers : selects(targets, name);
  }
  if (targets.includes(name)) return true;
  if (!selects(targets, name)) return false;
  if (layers.length === 0) return true;
  const layer = layerOf(name, layersPattern);
  return layer !== undefined && layers.includes(layer);
}

/**
 * The number of a `rank_pattern` or `alpha_pattern` for a module: that of the first key which is the end of its name.
 *
 * @see `get_pattern_key` of PEFT's utils/other.py
 */
export const patternValue = (
  patterns: Readonly<Record<string, number>>,
  name: string,
): number | undefined =>
  Object.entries(patterns).find(([key]) => pythonPattern(`(?:.*\\.)?(?:${key})`).test(name))?.[1];
