import * as recipes from '@cfrl/recipes';
import { testExamples } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';

const scope = {
  start: () => tf.engine().startScope(),
  end: () => tf.engine().endScope(),
};
testExamples(new URL('..', import.meta.url), recipes, scope, [
  new URL('../../../README.md', import.meta.url),
]);
