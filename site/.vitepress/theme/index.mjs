import { useRoute } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { h, nextTick, onMounted, watch } from 'vue';
import Playground from './playground.vue';
import './style.css';

/** The front page has no landmark in the default theme. */
const Layout = {
  setup() {
    const route = useRoute();
    const mark = () => document.querySelector('.VPHome')?.setAttribute('role', 'main');
    onMounted(mark);
    watch(
      () => route.path,
      () => void nextTick(mark),
    );
    return () => h(DefaultTheme.Layout);
  },
};

export default {
  extends: DefaultTheme,
  Layout,
  enhanceApp: ({ app }) => void app.component('Playground', Playground),
};
