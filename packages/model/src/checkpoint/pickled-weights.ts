/**
 * The error for weights that are not there as safetensors: for pickled ones it holds the line that
 * converts them.
 *
 * @param model - a folder, or a name on the hub
 * @param names - the files of it
 * @param target - the folder that the line writes
 */
export function pickledWeights(model: string, names: readonly string[], target: string): Error {
  const pickled = names.find((name) => /^(pytorch_)?model.*\.(bin|pth?)$/.test(name));
  if (pickled === undefined) {
    return new RangeError(
      `loadPretrained: '${model}' has no model.safetensors, expected a folder of a saved model`,
    );
  }
  const quoted = (text: string): string => JSON.stringify(text).replaceAll("'", '\\u0027');
  const python = `from transformers import AutoModelForCausalLM as M; M.from_pretrained(${quoted(model)}, dtype="auto").save_pretrained(${quoted(target)})`;
  return new RangeError(
    `loadPretrained: '${model}' has ${pickled}, which may run any code when it is read, expected model.safetensors; convert it by python -c '${python}'`,
  );
}
