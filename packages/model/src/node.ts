export { loadPretrained } from './checkpoint/load.js';
export { readSafetensors, writeSafetensors } from './checkpoint/safetensors-file.js';
export { savePretrained } from './checkpoint/save.js';
export { loadTokenizer, saveTokenizer } from './checkpoint/tokenizer-folder.js';
