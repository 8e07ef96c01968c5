mod client;
mod conversations;
mod ordering;
mod properties;
mod secrets;
