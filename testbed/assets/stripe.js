// A stand-in for Stripe.js: the calls that a paywall page makes, as strict about their order and options as Stripe
// is, drawn with plain inputs in the page itself. It talks to the origin that it was loaded from.
(() => {
  'use strict';

  const API = new URL(document.currentScript.src).origin;
  const CHALLENGE_TITLE = '3D Secure test';
  let count = 0;

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = 'IntegrationError';
    }
  }

  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };

  const call = async (key, path, body, type = 'application/x-www-form-urlencoded') => {
    const headers = { authorization: `Bearer ${key}`, 'x-testbed-stripe-js': '1' };
    if (body !== undefined) headers['content-type'] = type;
    try {
      const answer = await fetch(API + path, { method: body === undefined ? 'GET' : 'POST', headers, body });
      const json = await answer.json();
      return answer.ok ? { value: json } : { error: json.error };
    } catch {
      const message = 'We are experiencing issues connecting to our payments provider. Please check your internet connection and try again.';
      return { error: { type: 'api_connection_error', message } };
    }
  };

  // What is typed, judged as Stripe judges it before anything is sent.
  const FIELDS = [
    { name: 'number', label: 'Card number', autocomplete: 'cc-number', placeholder: '1234 1234 1234 1234' },
    { name: 'expiry', label: 'Expiration date', autocomplete: 'cc-exp', placeholder: 'MM / YY' },
    { name: 'cvc', label: 'Security code', autocomplete: 'cc-csc', placeholder: 'CVC' },
  ];

  const luhn = (digits) =>
    [...digits].reverse().reduce((sum, digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      return sum + (value > 9 ? value - 9 : value);
    }, 0) % 10 === 0;

  const wrongIn = ({ number, expiry, cvc }) => {
    if (number.length < 13) return ['incomplete_number', 'Your card number is incomplete.'];
    if (!luhn(number)) return ['invalid_number', 'Your card number is invalid.'];
    if (!/^\d{2}\/\d{2}$/.test(expiry)) return ['incomplete_expiry', "Your card's expiration date is incomplete."];
    const [month, year] = expiry.split('/').map(Number);
    const now = new Date();
    if (month < 1 || month > 12) return ['invalid_expiry_month', "Your card's expiration date is invalid."];
    if (2000 + year < now.getFullYear() || (2000 + year === now.getFullYear() && month <= now.getMonth())) {
      return ['invalid_expiry_year_past', "Your card's expiration year is in the past."];
    }
    if (!/^\d{3,4}$/.test(cvc)) return ['incomplete_cvc', "Your card's security code is incomplete."];
    return null;
  };

  // How Stripe draws its inputs, in short: by a theme and a few variables.
  const THEMES = {
    stripe: { colorBackground: '#ffffff', colorText: '#30313d', colorDanger: '#df1b41', line: '#e6e6e6' },
    night: { colorBackground: '#30313d', colorText: '#ffffff', colorDanger: '#fe87a1', line: '#424353' },
    flat: { colorBackground: '#f1f1f1', colorText: '#30313d', colorDanger: '#df1b41', line: '#f1f1f1' },
  };

  const dress = (element, { theme = 'stripe', variables = {} } = {}) => {
    if (!THEMES[theme]) throw new IntegrationError(`Invalid value for elements(): appearance.theme should be one of: stripe, night, flat. You specified '${theme}'.`);
    const look = { colorPrimary: '#0570de', borderRadius: '5px', fontFamily: 'inherit', ...THEMES[theme], ...variables };
    Object.assign(element.root.style, { display: 'grid', gridTemplateColumns: '1fr 1fr', gap: '12px', fontFamily: look.fontFamily });
    for (const [name, input] of Object.entries(element.inputs)) {
      const box = input.parentElement;
      box.style.gridColumn = name === 'number' ? '1 / -1' : 'auto';
      Object.assign(box.firstChild.style, { display: 'block', fontSize: '14px', marginBottom: '4px', color: look.colorText });
      Object.assign(input.style, {
        width: '100%', boxSizing: 'border-box', padding: '12px', font: 'inherit', fontSize: '16px', background: look.colorBackground,
        color: look.colorText, border: `1px solid ${look.line}`, borderRadius: look.borderRadius, accentColor: look.colorPrimary,
      });
    }
    Object.assign(element.alert.style, { gridColumn: '1 / -1', margin: '0', fontSize: '14px', color: look.colorDanger });
  };

  const ELEMENT_OPTIONS = ['wallets', 'layout', 'defaultValues', 'fields', 'readOnly', 'terms', 'business', 'paymentMethodOrder'];

  class Element {
    constructor(type, group) {
      this.type = type;
      this.group = group;
      this.handlers = new Map();
      this.id = `testbed-element-${++count}`;
      this.inputs = {};
      this.alert = make('p', { id: `${this.id}-error` });
      this.alert.setAttribute('role', 'alert');
      this.root = make('div', { className: 'StripeElement' });
      for (const { name, label, autocomplete, placeholder } of FIELDS) {
        const input = make('input', { id: `${this.id}-${name}`, name, autocomplete, placeholder, type: 'text' });
        input.inputMode = 'numeric';
        input.setAttribute('aria-describedby', this.alert.id);
        input.addEventListener('input', () => this.changed());
        input.addEventListener('focus', () => this.emit('focus', { elementType: type }));
        input.addEventListener('blur', () => this.emit('blur', { elementType: type }));
        this.inputs[name] = input;
        this.root.append(make('div', {}, make('label', { htmlFor: input.id, textContent: label }), input));
      }
      this.root.append(this.alert);
      dress(this, group.options.appearance);
    }

    get values() {
      return {
        number: this.inputs.number.value.replace(/\D/g, ''),
        expiry: this.inputs.expiry.value.replace(/[^\d/]/g, '').replace(/^(\d{2})(\d{2})$/, '$1/$2'),
        cvc: this.inputs.cvc.value.trim(),
      };
    }

    get problem() {
      const wrong = wrongIn(this.values);
      return wrong && { type: 'validation_error', code: wrong[0], message: wrong[1] };
    }

    mount(target) {
      this.alive();
      const place = typeof target === 'string' ? document.querySelector(target) : target;
      if (!place) throw new IntegrationError(`The selector you specified (${target}) applies to no DOM elements that are currently on the page.`);
      place.replaceChildren(this.root);
      setTimeout(() => this.emit('ready', { elementType: this.type }));
    }

    unmount() {
      this.root.remove();
    }

    destroy() {
      this.unmount();
      this.destroyed = true;
      this.group.forget(this);
    }

    on(event, handler) {
      this.alive();
      if (typeof handler !== 'function') throw new IntegrationError('element.on needs a function.');
      this.handlers.set(event, [...(this.handlers.get(event) || []), handler]);
      return this;
    }

    off(event, handler) {
      this.handlers.set(event, (this.handlers.get(event) || []).filter((one) => handler && one !== handler));
      return this;
    }

    update() {
      this.alive();
    }

    focus() {
      this.inputs.number.focus();
    }

    blur() {
      Object.values(this.inputs).forEach((input) => input.blur());
    }

    clear() {
      Object.values(this.inputs).forEach((input) => (input.value = ''));
      this.changed();
    }

    changed() {
      this.group.submitted = false;
      this.alert.textContent = '';
      const empty = Object.values(this.inputs).every((input) => input.value === '');
      const problem = this.problem;
      this.emit('change', {
        elementType: this.type,
        empty,
        complete: !problem,
        value: { type: 'card' },
        error: problem && !problem.code.startsWith('incomplete_') ? problem : undefined,
      });
    }

    emit(event, detail) {
      for (const handler of this.handlers.get(event) || []) handler(detail);
    }

    alive() {
      if (this.destroyed) throw new IntegrationError('This Element has already been destroyed.');
    }
  }

  const OPTIONS = ['mode', 'amount', 'currency', 'paymentMethodCreation', 'paymentMethodTypes', 'setupFutureUsage',
    'captureMethod', 'appearance', 'locale', 'fonts', 'loader'];

  const checkOptions = (options) => {
    for (const name of Object.keys(options)) {
      if (!OPTIONS.includes(name)) throw new IntegrationError(`Unrecognized elements() parameter: ${name} is not a recognized parameter.`);
    }
    if (options.mode === undefined) return;
    if (options.mode !== 'payment') throw new IntegrationError(`The testbed knows mode: 'payment' only, not '${options.mode}'.`);
    if (!Number.isInteger(options.amount) || options.amount < 1) {
      throw new IntegrationError('Invalid value for elements(): amount must be an integer greater than 0.');
    }
    if (!/^[a-z]{3}$/.test(options.currency || '')) {
      throw new IntegrationError('Invalid value for elements(): currency must be a three-letter ISO code in lower case.');
    }
  };

  class Elements {
    constructor(options = {}) {
      checkOptions(options);
      this.options = { ...options };
      this.elements = [];
      this.submitted = false;
    }

    create(type, options = {}) {
      for (const name of Object.keys(options)) {
        if (!ELEMENT_OPTIONS.includes(name)) throw new IntegrationError(`Unrecognized create() parameter: ${name} is not a recognized parameter.`);
      }
      if (type !== 'payment' && type !== 'card') throw new IntegrationError(`The testbed has no element of type ${type}.`);
      if (type === 'payment' && !this.options.mode) {
        throw new IntegrationError('In order to create a payment element, you must pass a clientSecret or mode when creating the Elements group.');
      }
      if (this.getElement(type)) throw new IntegrationError(`Can only create one Element of type ${type}.`);
      const element = new Element(type, this);
      this.elements.push(element);
      return element;
    }

    getElement(type) {
      return this.elements.find((element) => element.type === type) || null;
    }

    update(options) {
      checkOptions({ ...this.options, ...options });
      Object.assign(this.options, options);
      this.submitted = false;
      if (options.appearance) this.elements.forEach((element) => dress(element, options.appearance));
    }

    async submit() {
      const element = this.getElement('payment');
      if (!element) throw new IntegrationError('elements.submit() needs a mounted payment element.');
      const error = element.problem;
      element.alert.textContent = error ? error.message : '';
      this.submitted = !error;
      return error ? { error } : { selectedPaymentMethod: 'card' };
    }

    forget(element) {
      this.elements = this.elements.filter((one) => one !== element);
    }
  }

  // The bank's page, in short.
  const ask = (intent) =>
    new Promise((resolve) => {
      const dialog = make('dialog', { id: 'testbed-3ds' });
      dialog.setAttribute('aria-label', CHALLENGE_TITLE);
      const button = (label, outcome) => {
        const node = make('button', { type: 'button', textContent: label });
        node.addEventListener('click', () => {
          dialog.close();
          dialog.remove();
          resolve(outcome);
        });
        return node;
      };
      const format = new Intl.NumberFormat('en', { style: 'currency', currency: intent.currency });
      const cents = format.format(intent.amount / 10 ** format.resolvedOptions().maximumFractionDigits);
      dialog.append(
        make('h2', { textContent: CHALLENGE_TITLE }),
        make('p', { textContent: `Your bank asks you to confirm a payment of ${cents}.` }),
        button('Complete', 'success'),
        button('Fail', 'fail'),
      );
      Object.assign(dialog.style, { font: 'inherit', maxWidth: '22rem', padding: '24px', borderRadius: '12px', border: '0' });
      dialog.lastChild.style.marginLeft = '8px';
      dialog.addEventListener('cancel', (event) => event.preventDefault());
      document.body.append(dialog);
      dialog.showModal();
    });

  window.Stripe = (key) => {
    if (typeof key !== 'string' || !key.startsWith('pk_')) {
      throw new IntegrationError('Missing value for Stripe(): apiKey should be a string that starts with pk_.');
    }

    const retrieve = async (clientSecret) => {
      const id = String(clientSecret).split('_secret_')[0];
      const { value, error } = await call(key, `/v1/payment_intents/${id}?client_secret=${encodeURIComponent(clientSecret)}`);
      return error ? { error } : { paymentIntent: value };
    };

    return {
      elements: (options) => new Elements(options),

      async createPaymentMethod({ elements, type, card, params = {} }) {
        let element = card;
        if (elements) {
          if (elements.options.paymentMethodCreation !== 'manual') {
            throw new IntegrationError("To use stripe.createPaymentMethod() with an Elements group, set paymentMethodCreation: 'manual'.");
          }
          if (!elements.submitted) {
            throw new IntegrationError('elements.submit() must be called before stripe.createPaymentMethod().');
          }
          element = elements.getElement('payment');
        } else if (type !== 'card') {
          throw new IntegrationError("createPaymentMethod needs elements, or type: 'card' and a card element.");
        }
        if (!(element instanceof Element)) throw new IntegrationError('createPaymentMethod needs a mounted element.');
        if (element.problem) {
          element.alert.textContent = element.problem.message;
          return { error: element.problem };
        }
        const { number, expiry, cvc } = element.values;
        const [month, year] = expiry.split('/');
        const form = new URLSearchParams({
          type: 'card',
          'card[number]': number,
          'card[exp_month]': String(Number(month)),
          'card[exp_year]': `20${year}`,
          'card[cvc]': cvc,
          payment_user_agent: 'stripe.js/testbed',
        });
        for (const [name, value] of Object.entries(params.billing_details || {})) {
          if (typeof value === 'string') form.set(`billing_details[${name}]`, value);
        }
        const { value, error } = await call(key, '/v1/payment_methods', form.toString());
        return error ? { error } : { paymentMethod: value };
      },

      async handleNextAction({ clientSecret }) {
        const { paymentIntent, error } = await retrieve(clientSecret);
        if (error) return { error };
        if (paymentIntent.status !== 'requires_action') {
          throw new IntegrationError('handleNextAction: The PaymentIntent supplied is not in the requires_action state.');
        }
        const outcome = await ask(paymentIntent);
        const path = `/_testbed/payment_intents/${paymentIntent.id}/authenticate`;
        const answered = await call(key, path, JSON.stringify({ outcome }), 'application/json');
        if (answered.error) return { error: answered.error };
        const after = await retrieve(clientSecret);
        if (after.error) return after;
        const failed = after.paymentIntent.last_payment_error;
        return failed ? { error: { ...failed, payment_intent: after.paymentIntent } } : after;
      },

      retrievePaymentIntent: retrieve,
    };
  };
})();
