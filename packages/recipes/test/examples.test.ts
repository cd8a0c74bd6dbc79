import * as recipes from '@cfrl/recipes';
import { testExamples } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';

testExamples(new URL('..', import.meta.url), recipes, {
  start: () => tf.engine().startScope(),
  end: () => tf.engine().endScope(),
});
