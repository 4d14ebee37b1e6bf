/** Where this page's server answers: the folder that the page lies in, whatever path that is below. */
export const HERE = new URL('.', location.href);
