export {
  type LoadAdapterOptions,
  type SaveAdapterOptions,
  loadAdapter,
  saveAdapter,
} from './checkpoint/adapter/adapter.js';
export { type LoadOptions, type PretrainedModel, loadPretrained } from './checkpoint/load.js';
export { readSafetensors, writeSafetensors } from './safetensors/file.js';
export { type SaveOptions, type SavedModel, savePretrained } from './checkpoint/save.js';
export { loadTokenizer, saveTokenizer } from './checkpoint/tokenizer-folder.js';
export type { StoredDtype } from './safetensors/encode.js';
export type { HubOptions, HubProgress } from './hub/settings.js';
