import { render } from 'solid-js/web';
import { App } from './app.tsx';
import { applyTheme } from './lib/theme.ts';
import './styles/app.css';

applyTheme();
const root = document.getElementById('root');
if (!root) throw new Error('The page has no element "root".');
render(() => <App />, root);
