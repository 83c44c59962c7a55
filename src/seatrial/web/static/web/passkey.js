"use strict";
// Passkeys: asks the browser for one and puts its answer into the form. Without scripts a code does the same.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

  async function question(form, address) {
    const token = form.elements.csrfmiddlewaretoken.value;
    const answer = await fetch(address, { method: "POST", headers: { "X-CSRFToken": token } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.what);
    told.challenge = bytes(told.challenge);
    return told;
  }

  async function asked(form, button) {
    const options = await question(form, button.dataset.passkey);
    options.allowCredentials = known(options.allowCredentials);
    const { id, rawId, type, response: r } = await navigator.credentials.get({ publicKey: options });
    const response = {
      clientDataJSON: text(r.clientDataJSON),
      authenticatorData: text(r.authenticatorData),
      signature: text(r.signature),
      userHandle: r.userHandle ? text(r.userHandle) : null,
    };
    form.elements.assertion.value = JSON.stringify({ id, rawId: text(rawId), type, response });
  }

  async function made(form, button) {
    const options = await question(form, button.dataset.newPasskey);
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = known(options.excludeCredentials);
    const { id, rawId, type, response: r } = await navigator.credentials.create({ publicKey: options });
    const response = { clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject) };
    form.elements.made.value = JSON.stringify({ id, rawId: text(rawId), type, response });
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-passkey], button[data-new-passkey]");
    if (!button) return;
    const said = button.parentElement.querySelector("[role=status]");
    try {
      if (!navigator.credentials) throw new Error("This browser has no passkeys at this address.");
      said.textContent = "Your browser asks your passkey…";
      await (button.dataset.passkey ? asked : made)(button.form, button);
      said.textContent = "Your passkey answered.";
      if (button.dataset.newPasskey || "submits" in button.dataset) button.form.submit();
    } catch (error) {
      said.textContent = error.name === "NotAllowedError" ? "No passkey answered." : error.message;
    }
  });
})();
