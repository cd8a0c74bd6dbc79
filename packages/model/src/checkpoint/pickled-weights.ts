const isPickled = (name: string): boolean => /^(pytorch_)?model.*\.(bin|pth?)$/.test(name);

/** Whether a folder of these files has weights beside those of GGUF files. */
export const hasWeights = (names: readonly string[]): boolean =>
  names.some((name) => isPickled(name) || /^model.*\.safetensors(\.index\.json)?$/.test(name));

function withoutWeights(model: string, names: readonly string[]): string {
  const shard = names.find((name) => /^model.*-of-.*\.safetensors$/.test(name));
  if (shard !== undefined) {
    return `'${model}' has ${shard} and no model.safetensors.index.json, expected both; download it again`;
  }
  if (names.includes('adapter_config.json')) {
    return `'${model}' has an adapter, expected a whole model; load the model that it belongs to, then loadAdapter(${JSON.stringify(model)}, model)`;
  }
  return `'${model}' has no model.safetensors, expected a folder of a saved model`;
}

/**
 * The error for a model, a folder or a name on the hub, whose weights are not there as safetensors: for pickled ones it holds the
 * line that converts them, to a folder `target`.
 */
export function pickledWeights(model: string, names: readonly string[], target: string): Error {
  const pickled = names.find(isPickled);
  if (pickled === undefined) {
    return new RangeError(`loadPretrained: ${withoutWeights(model, names)}`);
  }
  const quoted = (text: string): string => JSON.stringify(text).replaceAll("'", '\\u0027');
  const python = `from transformers import AutoModelForCausalLM as M; M.from_pretrained(${quoted(model)}, dtype="auto").save_pretrained(${quoted(target)})`;
  return new RangeError(
    `loadPretrained: '${model}' has ${pickled}, which may run any code when it is read, expected model.safetensors; convert it by python -c '${python}'`,
  );
}
