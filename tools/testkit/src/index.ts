export { type Tolerance, expectClose } from './close.js';
export { numericalGradient } from './finite-differences.js';
export { type ExampleScope, exampleModules, testExamples } from './examples.js';
export { everyNumber, isRefusal, type Variation, variations } from './extremes.js';
export { watToBase64 } from './wat.js';
